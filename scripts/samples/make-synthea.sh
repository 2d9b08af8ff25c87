#!/usr/bin/env bash
# Makes samples/fhir/ with Synthea 3.3.0 from Maven Central (203 MB of jars, once, into a cache outside the
# work tree) and trims its output. Needs: a JDK from 11 on (made with 17), Maven, Node. Takes about a minute.
#
#   scripts/samples/make-synthea.sh           writes samples/fhir/
#   scripts/samples/make-synthea.sh --check   derives it again and compares, writes nothing in the work tree
#
# CARELEDGER_CACHE names the cache folder (default: ${XDG_CACHE_HOME:-~/.cache}/careledger).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
samples=$(cd "$here/../../samples" && pwd)
cache=${CARELEDGER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/careledger}/synthea-3.3.0
jars=$cache/jars
raw=$cache/raw
synthea_sha256=4716d5140c0c69fb8bfca0790aac56e32c11d3bb2647d380fbfbd1117a735c73

population=12
reference_date=20260101

mkdir -p "$cache"
if [ ! -f "$cache/jars.complete" ]; then
  echo "fetching Synthea and its dependencies into $jars"
  mvn -B -q -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$jars"
  touch "$cache/jars.complete"
fi
echo "$synthea_sha256  $jars/synthea-3.3.0.jar" | sha256sum --check --quiet

# -r fixes the date from which ages count; without -e the lives would still run on until today.
# One thread, one time zone and one locale: the same bytes on every machine.
rm -rf "$raw"
(
  cd "$cache"
  java -Xmx4g -Duser.timezone=UTC -Duser.language=en -Duser.country=US -Dfile.encoding=UTF-8 \
    -cp "$jars/*" App -p "$population" -s 42 -cs 42 -r "$reference_date" -e "$reference_date" \
    --exporter.baseDirectory="$raw" \
    --exporter.hospital.fhir.export=false --exporter.practitioner.fhir.export=false \
    --exporter.metadata.export=false --generate.thread_pool_size=1 >"$cache/synthea.log" 2>&1
) || { tail -n 20 "$cache/synthea.log" >&2; exit 1; }

if [ "${1:-}" = --check ]; then
  node "$here/trim-fhir.mjs" "$raw/fhir" "$cache/check"
  diff -r "$cache/check" "$samples/fhir"
  echo "samples/fhir is what Synthea gives"
else
  node "$here/trim-fhir.mjs" "$raw/fhir" "$samples/fhir"
fi
