/** Talking to gateways as a client does: for benchmarks and tests of the whole. */
export { demoPatient, enrol, signed } from './demo-patients.js';
export { signInStaff, enrolmentIdOf, type DemoHospital, type Tokens } from './demo-staff.js';
export { DemoState, type DemoPatient } from './demo-state.js';
export { GatewayClient, unlessItExists } from './gateway-client.js';
export { readHeartSamples, type HeadRoom, type HeartSamples } from './heart-samples.js';
export { sharingTour, type TourHospital, type TourOutcome, type TourStep } from './sharing-tour.js';
export { DEMO_STATISTICS, type DemoStatistic } from './statistics.js';
export { main, type DemoSettings } from '../start.js';
