import { gate1Scenario } from '../scenario/gate1.js';
import { runningNetwork } from './support/network.js';

gate1Scenario('fabric and kubo', () => Promise.resolve(runningNetwork()));
