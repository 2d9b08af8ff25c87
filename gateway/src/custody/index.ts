export { createFileCustody, type FileCustodyOptions } from './file-custody.js';
