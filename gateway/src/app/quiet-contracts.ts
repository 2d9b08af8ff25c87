/** Imported before the contracts: fabric-contract-api logs every decorator at `info` unless told otherwise. */
process.env['CORE_CHAINCODE_LOGGING_LEVEL'] ??= 'ERROR';
