/** Worker thread: takes one step of a ceremony at a time. Randomness is drawn here, from the platform's generator. */
import { serveTasks } from '../../paillier/engine/worker-answer.js';
import { beginCeremony, stepCeremony } from '../ceremony/machine.js';
import type { CeremonyStep } from '../ceremony/types.js';
import type { CeremonyTask } from './ceremony-tasks.js';
import { ceremonyModPow as modPow } from './one-off-mod-pow.js';

serveTasks((task: CeremonyTask): CeremonyStep =>
  task.kind === 'begin'
    ? beginCeremony(task.parameters, { modPow })
    : stepCeremony(task.state, task.incoming, { modPow }),
);
