import { startTestConsortium } from './support/consortium.js';
import { gate1Scenario } from './gate1.js';

gate1Scenario('embedded', startTestConsortium);
