"""Does Paillier operations with phe and gmpy2 on request: one JSON object a line on standard input, one in answer.

Every answer holds the processor seconds of the operations alone; the numbers they are done on are drawn before. Secrets
come on standard input and are a benchmark's.
"""

import json
import random
import sys
import time

import gmpy2
import phe
from phe.paillier import EncryptedNumber, PaillierPrivateKey, PaillierPublicKey

drawn = random.Random()


class Bench:
    def __init__(self, p, q):
        self.public_key = PaillierPublicKey(p * q)
        self.private_key = PaillierPrivateKey(self.public_key, p, q)
        self.size_bytes = (2 * self.public_key.n.bit_length() + 7) // 8
        # Made by multiplication, so that a benchmark does not wait for them.
        first = self.public_key.raw_encrypt(1)
        self.ciphertexts = [first]
        while len(self.ciphertexts) < 64:
            self.ciphertexts.append(self.ciphertexts[-1] * first % self.public_key.nsquare)

    def pick(self, count):
        return [self.ciphertexts[index % len(self.ciphertexts)] for index in range(count)]

    def encrypt(self, count):
        values = [drawn.randrange(self.public_key.n) for _ in range(count)]
        return timed(lambda: [self.public_key.raw_encrypt(value) for value in values])

    def decrypt(self, count):
        ciphertexts = self.pick(count)
        return timed(lambda: [self.private_key.raw_decrypt(ciphertext) for ciphertext in ciphertexts])

    def scalar32(self, count):
        numbers = [EncryptedNumber(self.public_key, ciphertext) for ciphertext in self.pick(count)]
        scalars = [drawn.getrandbits(31) | 1 << 31 for _ in range(count)]
        return timed(lambda: [number._raw_mul(scalar) for number, scalar in zip(numbers, scalars)])

    def add(self, count):
        numbers = [EncryptedNumber(self.public_key, ciphertext) for ciphertext in self.pick(count + 1)]
        return timed(lambda: [left + right for left, right in zip(numbers, numbers[1:])])

    def values(self, count, columns):
        """count values, one ciphertext each: encrypted, stored as bytes, read, and summed by column."""
        values = [drawn.getrandbits(32) for _ in range(count)]
        add = EncryptedNumber(self.public_key, 1)._raw_add
        sums = [1] * columns

        def job():
            stored = []
            for value in values:
                ciphertext = self.public_key.raw_encrypt(value)
                stored.append(ciphertext.to_bytes(self.size_bytes, "big"))
            for index, row in enumerate(stored):
                column = index % columns
                sums[column] = add(int.from_bytes(row, "big"), sums[column])

        per_value = timed(job)
        totals = []
        decrypting = timed(lambda: totals.extend(self.private_key.raw_decrypt(each) for each in sums))
        if totals != [sum(values[column::columns]) for column in range(columns)]:
            raise ValueError("phe's totals are wrong")
        return {**per_value, "decryptSeconds": decrypting["seconds"]}


def timed(job):
    started = time.process_time()
    job()
    return {"seconds": time.process_time() - started}


def main():
    versions = {"phe": phe.__version__, "gmpy2": gmpy2.version(), "gmp": gmpy2.mp_version()}
    print(json.dumps({"versions": versions}), flush=True)
    benches = {}
    for line in sys.stdin:
        request = json.loads(line)
        bits, name = request.pop("bits"), request.pop("operation")
        if name == "key":
            benches[bits] = Bench(int(request["p"]), int(request["q"]))
            answer = {"seconds": 0}
        else:
            answer = getattr(benches[bits], name)(**request)
        print(json.dumps(answer), flush=True)


main()
