#!/usr/bin/env bash
# Packs what a machine with a GPU's driver and no network needs beside the project: Deno, the npm packages of the command line
# and of the bench's peers, the Vulkan loader with the libraries that drivers want. Some 56 MB in .gpu/, for the processor and
# system of this machine (Debian or its kin); PyTorch is not among them.
#   bench/pack_gpu.sh              here, in the network; copy the folder of the project with .gpu/ in it
#   bench/gpu.sh                   there: finds what was packed by itself
#   . .gpu/env.sh && ./itera test  there, for any other command, in the project's folder
set -euo pipefail
cd "$(dirname "$0")/.."
out=$PWD/.gpu
fail() { printf 'bench/pack_gpu.sh: %s\n' "$*" >&2; exit 2; }
for tool in xz tar apt-get dpkg; do
  command -v "$tool" >/dev/null || fail "$tool is not here; run it on a Debian machine with xz-utils"
done
deno=$(command -v deno || ls .deno/node_modules/.bin/deno 2>/dev/null) || fail "Deno was not found; run ./itera doctor, which brings it"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$out"
mkdir -p "$out/lib" "$work/packages" "$work/debs" "$work/root"

xz -9 -T0 -c "$(readlink -f "$deno")" >"$out/deno.xz"

export DENO_DIR=$work/packages
"$deno" install --frozen --quiet
peers=$(grep -ho 'npm:@[^"]*' bench/peers/*.ts | sort -u)
for name in $peers; do "$deno" cache --quiet --no-lock "$name"; done
# What is never loaded: source maps, other builds of tfjs, libraries for musl (these must be there, and may be empty).
find "$DENO_DIR/npm" -name '*.map' -delete
find "$DENO_DIR"/npm/*/@tensorflow \
  \( -name '*.min.js*' -o -name '*fesm*' -o -name '*es2017*' -o -name '*.d.ts' -o -name 'tf.js' \) -delete
find "$DENO_DIR"/npm/*/@img -path '*musl*' \( -name '*.so*' -o -name '*.node' \) -exec truncate -s 0 {} +
rm -f "$DENO_DIR"/*cache_v2*
tar --sort=name -C "$work" -cf - packages | xz -9 -T0 >"$out/packages.tar.xz"

(cd "$work/debs" && apt-get download -qq libvulkan1 libegl1 libglvnd0 libopengl0 libgl1 libglx0 libgles2)
for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$work/root"; done
find "$work/root" -name '*.so.*' -exec cp -P {} "$out/lib/" \;

cat >"$out/env.sh" <<'ENV'
# Sourced by bench/gpu.sh, or in the project's folder: unpacks what was packed, once, and sets what finds it.
pack=${ITERA_PACK:-$PWD/.gpu} there=${TMPDIR:-/tmp}/itera-pack.$(id -u)
mkdir -p "$there/bin"
if [ ! -e "$there/whole" ] || [ "$pack/packages.tar.xz" -nt "$there/whole" ]; then
  if command -v xz >/dev/null 2>&1; then
    xz -dc "$pack/deno.xz" >"$there/bin/deno" && xz -dc "$pack/packages.tar.xz" | tar -xf - -C "$there"
  else
    python3 -c 'import lzma, shutil, sys, tarfile
shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[3] + "/bin/deno", "wb"))
tarfile.open(sys.argv[2]).extractall(sys.argv[3])' "$pack/deno.xz" "$pack/packages.tar.xz" "$there"
  fi && chmod +x "$there/bin/deno" && touch "$there/whole"
fi
export DENO_DIR="$there/packages" PATH="$there/bin:$PATH" XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-$there}"
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$pack/lib"
ENV
du -sh "$out"/* "$out" | sed "s|$PWD/||"
