/** Worker thread: identity keys and re-encryption on the WebAssembly engine, which it loads once. */
import { serveTasks } from '../../paillier/engine/worker-answer.js';
import { initPairing } from '../../pairing/index.js';
import { performSharingTask, type SharingTask } from './sharing-tasks.js';

await initPairing();
serveTasks((task: SharingTask) => performSharingTask(task));
