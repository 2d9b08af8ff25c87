"""Second half of paillier-phe.json: what python-paillier (phe) makes of this engine's keys and ciphertexts, and its own.

    python3 -m venv /tmp/phe && /tmp/phe/bin/pip install phe==1.5.0
    node crypto/vectors/make-paillier.mjs | /tmp/phe/bin/python crypto/vectors/make-phe.py > crypto/vectors/paillier-phe.json

Reads make-paillier.mjs's output on standard input. For each key of careledger: phe's decryption of each ciphertext, and
phe's encryptions under it with the randomness that it drew. Then the same for keys of phe's own.
"""

import json
import random
import sys

import phe
from phe.paillier import PaillierPrivateKey, PaillierPublicKey, generate_paillier_keypair

SCALAR = 3735928559


def plaintexts_of(p, q):
    n = p * q
    return [0, 1, n - 1, n // 2, p, q, 7 * p, n - q, random.SystemRandom().randrange(n)]


def encrypted_by_phe(public_key, private_key):
    cases = []
    for plaintext in plaintexts_of(private_key.p, private_key.q):
        r = public_key.get_random_lt_n()
        ciphertext = public_key.raw_encrypt(plaintext, r_value=r)
        assert private_key.raw_decrypt(ciphertext) == plaintext
        cases.append({"plaintext": str(plaintext), "randomness": str(r), "ciphertext": str(ciphertext)})
    return cases


def sums_by_phe(public_key, cases):
    """phe's sum of the first two encryptions, and the last one times a scalar."""
    first, second, last = (
        phe.EncryptedNumber(public_key, int(cases[index]["ciphertext"])) for index in (2, 3, -1)
    )
    return {
        "sumOfThirdAndFourth": str((first + second).ciphertext(be_secure=False)),
        "scalar": str(SCALAR),
        "lastTimesScalar": str((last * SCALAR).ciphertext(be_secure=False)),
    }


def described(key, public_key, private_key):
    cases = encrypted_by_phe(public_key, private_key)
    return {**key, "encryptedByPhe": cases, **sums_by_phe(public_key, cases)}


def main():
    keys = []
    for key in json.load(sys.stdin)["keys"]:
        public_key = PaillierPublicKey(int(key["n"]))
        private_key = PaillierPrivateKey(public_key, int(key["p"]), int(key["q"]))
        for case in key["ciphertexts"]:
            case["decryptedByPhe"] = str(private_key.raw_decrypt(int(case["ciphertext"])))
        keys.append(described(key, public_key, private_key))
    for bits in (512, 2048):
        public_key, private_key = generate_paillier_keypair(n_length=bits)
        key = {
            "madeBy": "phe",
            "encryption": "rn",
            "keyBits": bits,
            "p": str(private_key.p),
            "q": str(private_key.q),
            "n": str(public_key.n),
            "ciphertexts": [],
        }
        keys.append(described(key, public_key, private_key))
    origin = (
        f"crypto/vectors/make-paillier.mjs and make-phe.py with phe {phe.__version__} "
        "(https://github.com/data61/python-paillier); random test keys."
    )
    json.dump({"origin": origin, "keys": keys}, sys.stdout, indent=1)
    print()


main()
