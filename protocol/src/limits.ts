/** Every bound of the contracts, in one place. */
export const LIMITS = {
  /** Records in one anchoring or one opening. */
  batchRecords: 500,
  /** Live grants in one patient's grant book: the decision reads them all. */
  liveGrantsPerPatient: 64,
  /** Standing instructions of one patient or one member. */
  instructionsPerOwner: 16,
  /** Forwards that stand on one grant of the patient, whoever of its grantees made them. */
  forwardsPerGrant: 16,
  /** Of the live grants and their edges, as many may be forwards: the rest is the patient's own. */
  forwardsPerPatient: 32,
  forwardEdgesPerPatient: 360,
  /** Time to ask for the keys of an opening that was granted. */
  releaseWindowMs: 600_000,
  /** From a grant's last opening that a rule allows until it may be ended: the release window, and two timestamps' play. */
  usedUpGrantKeptMs: 840_000,
  members: 64,
  pageSize: 100,
  sweepItems: 100,
  recordTypesPerGrant: 32,
  recordIdsPerCondition: 100,
  grantMaxDays: 3660,
  /** Onward hops of one grant. */
  hops: 8,
  edgesPerGrant: 45,
  proxiesPerEdge: 10,
  /** Edges of all live grants of one patient. */
  liveEdgesPerPatient: 720,
  /** From the opening of a recovery until it lapses without a majority: a week. */
  recoveryAnswerMs: 604_800_000,
  /** From the end of the waiting time until a recovery that nobody completed lapses: a week. */
  recoveryCompletionMs: 604_800_000,
  /**
   * For how long a hospital opens no other recovery of a pseudonym after one of its own ended without completion: three
   * days in which the others can.
   */
  recoveryRestMs: 259_200_000,
  /** From the majority that approved the replacement of a lost key until it may take effect. */
  recoveryWaitMs: 259_200_000,
  /** Base64url characters of an edge's statement: ten proxies' values and the rest. */
  statementCharacters: 12_288,
  sealedEdgeSecretCharacters: 2_048,
  /** Content and both headers of a record, as objects of the record store. */
  objectsPerRecord: 3,
  /** Hospitals that hold parts of a record's erasure key beside its owner. */
  keyServers: 2,
  /** Leaves of earlier seals that a record names. */
  spentLeaves: 16,
  /** Officers whom one hospital names for emergencies. */
  emergencyOfficers: 32,
  /** Distinct hospitals that approve access in an emergency; fewer only where there are fewer others. */
  emergencyApprovals: 2,
  /** Access in an emergency: four hours from the approval that opened it. */
  emergencyAccessMs: 14_400_000,
  /** From the opening of a case until it is unanswered: four hours. */
  emergencyAnswerMs: 14_400_000,
  /** How long access that is over stays in the grant book: as long as a release may be repeated. */
  emergencyKeptMs: 86_400_000,
  /** Emergency accesses in one patient's grant book. */
  emergenciesPerPatient: 16,
  emergencyDescriptionCharacters: 160,
  caseReasonCharacters: 400,
  /** Pseudonyms that one case links. */
  linkedPseudonyms: 8,
  /**
   * From the opening of a case to link pseudonyms until it lapses: five days, so that the gateway's one-time key, kept
   * for a week, is there at the end.
   */
  linkAnswerMs: 432_000_000,
  /** How long the holders give their parts after the majority approved: a day. */
  linkReleaseMs: 86_400_000,
  /** Denials that a suspension rule may ask for; the contract scans at most this many. */
  suspensionDenials: 50,
  fieldsPerQuery: 16,
  /** What one requester may ask for in any `queryBudgetDays` calendar days (UTC): fields, summed over its queries. */
  queriesPerBudgetPeriod: 200,
  queryBudgetDays: 30,
  /** Categories of a column, or intervals between its edges. */
  categories: 32,
  cohortDepth: 8,
  cohortNodes: 64,
  panelRows: 5000,
  /** Panels of one hospital that one contribution is computed from: five million rows, when the panels are full. */
  panelsPerContribution: 1000,
  /** Rows that one row audit asks for: each takes its hospital one to two seconds to prove. */
  rowsPerAudit: 32,
  /** Base64url characters of one row's proof: 1.5 MB, of a row of 40 numbers of 12 bits under a 4096-bit key. */
  rowProofCharacters: 2_097_152,
  /** Base64url characters of one Paillier ciphertext of a 4096-bit modulus. */
  ciphertextCharacters: 1368,
} as const;

/** Accuracy of every deadline: the client chooses the transaction timestamp inside this window around the peer's clock. */
export const TIMESTAMP_WINDOW_MS = 120_000;
