/**
 * Sharing that the patient controls, step by step, through REST and the client alone: a patient of the first hospital
 * grants laboratory results to a cardiologist at the second with one hop; the third gets them through the second; imaging
 * stays closed; a revocation closes all of it; the patient's log shows every step.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  GatewayError,
  PatientClient,
  StaffClient,
  describeLog,
  enrol,
  makePatientKeys,
  preparePseudonym,
  pseudonymKeys,
  type GrantNode,
  type Opening,
  type PatientLog,
} from '@careledger/client';
import { granteeName, type EmrRecord, type Grantee, type RecordType } from '@careledger/protocol';

/** A hospital of the tour, with people who are signed in there. */
export interface TourHospital {
  readonly mspId: string;
  readonly gatewayUrl: string;
  readonly officerToken: string;
  readonly clinicianToken: string;
  readonly clinicianId: string;
}

export interface TourOptions {
  readonly hospitals: readonly [TourHospital, TourHospital, TourHospital];
  readonly channel: string;
  /** A FHIR R4 bundle with laboratory results and imaging. */
  readonly bundle: unknown;
  readonly signal?: AbortSignal;
  /** Told of each step when it is over. */
  readonly onStep?: (step: TourStep) => void;
}

export interface TourStep {
  readonly title: string;
  readonly expected: string;
  readonly came: string;
  readonly isAsExpected: boolean;
}

export interface TourOutcome {
  readonly steps: readonly TourStep[];
  readonly isAsExpected: boolean;
  readonly pseudonym: string;
  /** The patient's log at the end, in words. */
  readonly log: readonly string[];
}

const POLL_MS = 200;
/** The identity master key is made at the first start, and the people's identities after it. */
const KEYS_LIMIT_MS = 5 * 60_000;
const GRANT_MS = 7 * 86_400_000;

/** @throws GatewayError and what else keeps the tour from going on; a step that differs is told, and the tour goes on */
export async function sharingTour(options: TourOptions): Promise<TourOutcome> {
  const tour = new SharingTour(options);
  return tour.run();
}

class SharingTour {
  readonly #steps: TourStep[] = [];
  readonly #desk: StaffClient;
  readonly #second: StaffClient;
  readonly #third: StaffClient;

  constructor(private readonly options: TourOptions) {
    const [first, second, third] = options.hospitals;
    this.#desk = staff(first.gatewayUrl, first.officerToken);
    this.#second = staff(second.gatewayUrl, second.clinicianToken);
    this.#third = staff(third.gatewayUrl, third.clinicianToken);
  }

  async run(): Promise<TourOutcome> {
    const [, second, third] = this.options.hospitals;
    const cardiologist: Grantee = { kind: 'person', mspId: second.mspId, enrolmentId: second.clinicianId };
    const colleagues: Grantee = { kind: 'role', mspId: third.mspId, role: 'clinician' };
    await this.#untilThere('/v1/identity-key');
    for (const grantee of [cardiologist, colleagues])
      await this.#untilThere(`/v1/identities/${encodeURIComponent(granteeName(grantee))}`);

    const patient = await this.#enrol();
    const { pseudonym } = patient;
    const records = await this.#putRecords(pseudonym);
    const laboratory = idOf(records, 'laboratory');
    const imaging = idOf(records, 'imaging');

    await this.#denied(`${second.mspId} before the grant`, this.#second, laboratory, 'NO_GRANT');
    const grant = await patient.grant({
      grantee: cardiologist,
      recordTypes: ['laboratory'],
      purposes: ['treatment'],
      notAfter: new Date(Date.now() + GRANT_MS).toISOString(),
      maxHops: 1,
      receiptDueWithinMs: 3_600_000,
    });
    this.#tell('the patient grants laboratory results to the cardiologist, one hop', 'active', grant.status);
    await this.#opens(`${second.mspId} opens them`, this.#second, laboratory, 'view');
    await this.#denied(`${second.mspId}, imaging`, this.#second, imaging, 'RECORD_TYPE_NOT_COVERED');
    await this.#denied(`${third.mspId} before it is passed on`, this.#third, laboratory, 'NO_GRANT');

    const onward = {
      ...{ pseudonym, grantee: colleagues, recordTypes: ['laboratory' as const] },
      ...{ purposes: ['treatment' as const], notAfter: grant.notAfter, receiptDueWithinMs: 3_600_000 },
    };
    const forward = await this.#second.forward({ ...onward, parentId: grant.grantId });
    this.#tell(`${second.mspId} passes them on to clinicians of ${third.mspId}`, 'active', forward.status);
    await this.#opens(`${third.mspId} opens them through ${second.mspId}`, this.#third, laboratory, 'print');
    await this.#denied(`${third.mspId}, imaging`, this.#third, imaging, 'RECORD_TYPE_NOT_COVERED');
    await this.#refused(`${third.mspId} cannot pass them on`, 'HOPS_EXHAUSTED', () =>
      this.#third.forward({ ...onward, parentId: forward.grantId, grantee: cardiologist }),
    );

    const revoked = await patient.revoke(grant.grantId);
    this.#tell('the patient revokes the grant', 'revoked', revoked.status);
    await this.#denied(`${second.mspId} after the revocation`, this.#second, laboratory, 'NO_GRANT');
    await this.#denied(`${third.mspId} after the revocation`, this.#third, laboratory, 'NO_GRANT');
    const log = await patient.log();
    this.#judgeLog(log, { grantId: grant.grantId, forwardId: forward.grantId });
    const isAsExpected = this.#steps.every((step) => step.isAsExpected);
    return { steps: this.#steps, isAsExpected, pseudonym, log: describeLog(log) };
  }

  async #enrol(): Promise<PatientClient> {
    const { channel, hospitals } = this.options;
    const { mspId } = hospitals[0];
    const wanted = { mspId, channel, identity: 'own', recoverable: false, custody: 'patient' } as const;
    // A demonstration's patient keeps the keys in memory: nobody needs them when the tour is over.
    const { keys, pseudonym } = await preparePseudonym(this.#desk.connection, makePatientKeys(), wanted);
    const { patient, identity } = await enrol(this.#desk.connection, keys, pseudonym);
    const came = `${patient.status}, ${identity?.custody ?? 'no'} custody`;
    this.#tell('a patient enrols with a key of the patient’s own', 'enrolled, patient custody', came);
    return new PatientClient(pseudonymKeys(keys, pseudonym));
  }

  async #putRecords(pseudonym: string): Promise<EmrRecord[]> {
    const path = `/fhir/R4/Bundle?patient=${pseudonym}`;
    const sent = { contentType: 'application/fhir+json' };
    await this.#desk.connection.post(path, this.options.bundle, sent);
    const listing = `/v1/records?by=patient&value=${pseudonym}`;
    const { items } = await this.#desk.connection.get<{ readonly items: EmrRecord[] }>(listing);
    const sealed = items.filter(({ sharing }) => sharing !== undefined).length;
    const title = `${this.options.hospitals[0].mspId} puts the patient’s FHIR bundle, sealed for sharing`;
    this.#tell(
      title,
      `${String(items.length)} of ${String(items.length)}`,
      `${String(sealed)} of ${String(items.length)}`,
    );
    return items;
  }

  async #opens(
    title: string,
    reader: StaffClient,
    recordId: string,
    operation: 'view' | 'print',
  ): Promise<void> {
    const came = await outcome(async () => {
      const opening = await reader.open([recordId], 'treatment');
      const isWhole = this.#isOfTheBundle(opening);
      const receipt = await reader.receipt(opening.accessId, operation);
      return `${isWhole ? 'the patient’s results' : 'something else'}; receipt: ${receipt.operation ?? 'none'}`;
    });
    this.#tell(title, `the patient’s results; receipt: ${operation}`, came);
  }

  /** Every resource that came is one of those that were put, value for value. */
  #isOfTheBundle({ records }: Opening): boolean {
    const put = resourcesOf(this.options.bundle);
    const opened = records.flatMap(({ content }) =>
      resourcesOf(JSON.parse(new TextDecoder().decode(content)) as unknown),
    );
    const isOne = (resource: unknown): boolean => put.some((known) => isDeepStrictEqual(known, resource));
    return opened.length > 0 && opened.every(isOne);
  }

  async #denied(title: string, reader: StaffClient, recordId: string, reason: string): Promise<void> {
    const came = await outcome(async () => {
      await reader.open([recordId], 'treatment');
      return 'opened';
    });
    this.#tell(title, `ACCESS_DENIED (${reason})`, came);
  }

  async #refused(title: string, code: string, work: () => Promise<unknown>): Promise<void> {
    const came = await outcome(async () => {
      await work();
      return 'done';
    });
    this.#tell(title, code, came);
  }

  #judgeLog(log: PatientLog, of: { readonly grantId: string; readonly forwardId: string }): void {
    const root = log.grants.find(({ grant }) => grant.grantId === of.grantId);
    const onward = root?.forwards.find(({ grant }) => grant.grantId === of.forwardId);
    this.#tell(
      'the patient’s log: the grant, and under it what was passed on',
      'the grant is revoked, what was passed on is ended',
      `the grant is ${statusOf(root)}, what was passed on is ${statusOf(onward)}`,
    );
    const decisions = log.accesses.flatMap(({ decisions: decided, receipt }) =>
      decided.map((decision) => ({ ...decision, operation: receipt?.operation })),
    );
    const under = (grantId: string): string =>
      decisions
        .filter((decision) => decision.outcome === 'grant' && decision.grantId === grantId)
        .map(({ operation }) => operation ?? 'no receipt')
        .join();
    const denied = decisions.filter((decision) => decision.outcome === 'deny').length;
    this.#tell(
      'the patient’s log: who opened under which of them and what was done, and who was denied',
      'view, print, 6 denied',
      `${under(of.grantId)}, ${under(of.forwardId)}, ${String(denied)} denied`,
    );
  }

  #tell(title: string, expected: string, came: string): void {
    const step = { title, expected, came, isAsExpected: came === expected };
    this.#steps.push(step);
    this.options.onStep?.(step);
  }

  async #untilThere(path: string): Promise<void> {
    const untilMs = performance.now() + KEYS_LIMIT_MS;
    for (;;) {
      try {
        await this.#desk.connection.get(path);
        return;
      } catch (error) {
        const isComing =
          error instanceof GatewayError && ['KEY_NOT_FOUND', 'IDENTITY_NOT_FOUND'].includes(error.code);
        if (!isComing || performance.now() > untilMs) throw error;
      }
      await pause(
        POLL_MS,
        undefined,
        this.options.signal === undefined ? {} : { signal: this.options.signal },
      );
    }
  }
}

function staff(url: string, token: string): StaffClient {
  return new StaffClient({ url, token: () => token });
}

/** What came, or the code of the refusal; a denial with its reasons. */
async function outcome(work: () => Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const decisions = (error.extensions['decisions'] ?? []) as readonly { readonly reason?: string }[];
    const reasons = decisions.map(({ reason }) => reason ?? '').join();
    return reasons === '' ? error.code : `${error.code} (${reasons})`;
  }
}

function idOf(records: readonly EmrRecord[], type: RecordType): string {
  const found = records.find((record) => record.type === type);
  if (found === undefined) throw new Error(`the sample has no ${type}`);
  return found.recordId;
}

function resourcesOf(bundle: unknown): unknown[] {
  const { entry = [] } = bundle as { readonly entry?: readonly { readonly resource: unknown }[] };
  return entry.map(({ resource }) => resource);
}

function statusOf(node: GrantNode | undefined): string {
  return node?.grant.status ?? 'nothing';
}
