import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { main as runExample } from '@careledger/client/example';
import { sharingTour, type TourHospital, type TourOutcome } from '@careledger/gateway/demo';
import type { People } from './support/people.js';

const SAMPLE = new URL('../../../samples/fhir/h1/1.json', import.meta.url);

/** Hospitals that run somewhere: in this process, or on Fabric and Kubo. */
export interface SharingConsortium extends People {
  readonly channel: string;
  readonly restUrls: readonly string[];
  stop(): Promise<void>;
}

type TourHospitals = readonly [TourHospital, TourHospital, TourHospital];

/** An officer and a cardiologist at each of the first three hospitals. */
export async function tourHospitals(consortium: SharingConsortium): Promise<TourHospitals> {
  const at = async (hospital: number): Promise<TourHospital> => {
    const officer = await consortium.person(hospital, 'officer');
    const clinician = await consortium.person(hospital, 'clinician', 'cardiology');
    return {
      mspId: clinician.mspId,
      gatewayUrl: consortium.restUrls[hospital - 1]!,
      officerToken: officer.token,
      clinicianToken: clinician.token,
      clinicianId: clinician.enrolmentId,
    };
  };
  return [await at(1), await at(2), await at(3)];
}

/** The whole tour with a sample patient. */
export async function tourOfSample(
  { channel }: Pick<SharingConsortium, 'channel'>,
  hospitals: TourHospitals,
): Promise<TourOutcome> {
  const bundle = JSON.parse(await readFile(SAMPLE, 'utf8')) as unknown;
  return sharingTour({ hospitals, channel, bundle });
}

/** Sharing that the patient controls, as the demonstration shows it, and the client's example. */
export function sharingScenario(
  name: string,
  start: () => Promise<SharingConsortium>,
  options: { readonly timeoutMs: number },
): void {
  describe(`${name}: sharing that the patient controls`, function () {
    this.timeout(options.timeoutMs);

    let consortium: SharingConsortium;
    let hospitals: TourHospitals;
    let outcome: TourOutcome;

    before(async () => {
      consortium = await start();
      hospitals = await tourHospitals(consortium);
    });
    after(() => consortium.stop());

    it('goes as it should, step by step', async () => {
      outcome = await tourOfSample(consortium, hospitals);
      for (const { title, expected, came } of outcome.steps) expect(came, title).to.equal(expected);
      expect(outcome.steps.length).to.be.at.least(16);
      expect(outcome.isAsExpected).to.equal(true);
    });

    it('stands in the patient’s log in words: who, through whom, what for, and what was done', () => {
      const log = outcome.log.join('\n');
      const [, second, third] = hospitals;
      expect(log).to.contain(`person/${second.mspId}/${second.clinicianId}: laboratory for treatment`);
      const passedOn = `passed on by ${second.clinicianId} of ${second.mspId}, under [0-9a-f]{32}, to role/${third.mspId}`;
      expect(log).to.match(new RegExp(passedOn));
      for (const word of ['receipt: view', 'receipt: print', 'denied', 'revoked', 'ended'])
        expect(log).to.contain(word);
    });

    it('runs the client’s example', async () => {
      const [first, second] = hospitals;
      const staff = ({ gatewayUrl, mspId }: TourHospital, token: string) => ({ gatewayUrl, mspId, token });
      const said: string[] = [];
      await runExample({
        channel: consortium.channel,
        desk: staff(first, first.officerToken),
        reader: staff(second, second.clinicianToken),
        say: (line) => said.push(line),
      });
      expect(said).to.include('opened: potassium 4.1 mmol/L');
      expect(said.at(-1)).to.equal('after the revocation: ACCESS_DENIED');
    });
  });
}
