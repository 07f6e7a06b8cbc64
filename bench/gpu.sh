#!/bin/sh
# Checks and times everything on the GPU of a bare machine that has its driver: bench/gpu/main.ts, whose flags these are.
#   bench/gpu.sh [--budget SECONDS] [--phases a,b] [--out FILE] [--quick]
# Deno comes from $DENO (the program, or deno.xz), the PATH, .deno/ or bench/ of this project; the Vulkan loader from
# $VK_LOADER (libvulkan.so.1 or its folder), the system, LD_LIBRARY_PATH, .deno/ or bench/. Nothing is fetched: packages
# come from Deno's cache ($DENO_DIR), and what needs one that is not there is skipped.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)

fail() { printf 'bench/gpu.sh: %s\n' "$*" >&2; exit 2; }
absolute() { case "$1" in /*) printf '%s' "$1" ;; *) printf '%s/%s' "$PWD" "$1" ;; esac; }

XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-${TMPDIR:-/tmp}}
export XDG_RUNTIME_DIR
own=${TMPDIR:-/tmp}/itera-gpu.$(id -u)
mkdir -p "$own"

# ---- Deno --------------------------------------------------------------------------------------------------------------

unpack() {
  [ "$own/deno" -nt "$1" ] && return
  if command -v xz >/dev/null 2>&1; then
    xz -dc "$1" >"$own/deno.part"
  elif command -v python3 >/dev/null 2>&1; then
    python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), sys.stdout.buffer)' "$1" >"$own/deno.part"
  else
    fail "$1 can be unpacked by xz or python3, and neither is here; set DENO to an unpacked deno"
  fi || fail "$1 could not be unpacked; set DENO to deno or a whole deno.xz"
  chmod +x "$own/deno.part" && mv "$own/deno.part" "$own/deno"
}

deno=
if [ -n "${DENO:-}" ]; then
  deno=$(absolute "$DENO")
  [ -f "$deno" ] || fail "DENO is $DENO, where there is no file; set it to deno or deno.xz"
elif command -v deno >/dev/null 2>&1; then
  deno=$(command -v deno)
else
  for found in .deno/node_modules/.bin/deno .deno/deno .deno/deno.xz bench/deno bench/deno.xz; do
    if [ -f "$root/$found" ]; then deno=$root/$found; break; fi
  done
fi
case "$deno" in
  "") fail "Deno was not found; set DENO to deno 2.9 or later, or to deno.xz" ;;
  *.xz) unpack "$deno"; deno=$own/deno ;;
esac
[ -x "$deno" ] || fail "$deno may not be run; type: chmod +x $deno"
"$deno" --version >/dev/null 2>&1 || fail "$deno does not run here; set DENO to one for $(uname -s) $(uname -m)"

# ---- the Vulkan loader and the driver's description --------------------------------------------------------------------

libraries() { { ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null; } | grep -q "$1"; }

# In one of the folders named: $1 the file, $2 the folders, parted by colons.
in_folders() {
  old=$IFS; IFS=:
  for folder in $2; do [ -n "$folder" ] && [ -e "$folder/$1" ] && { IFS=$old; return 0; }; done
  IFS=$old
  return 1
}

# Beside an NVIDIA driver put there by a container's runtime, the loader's usual folders may know nothing of it.
NVIDIA=/usr/local/nvidia/lib64:/usr/local/nvidia/lib:/usr/lib/x86_64-linux-gnu:/usr/lib/aarch64-linux-gnu:/usr/lib64
prepend() { LD_LIBRARY_PATH=$1${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}; export LD_LIBRARY_PATH; }

if [ "$(uname -s)" = Linux ]; then
  if [ -z "${VK_LOADER:-}" ] && ! libraries 'libvulkan\.so\.1' &&
    ! in_folders libvulkan.so.1 "${LD_LIBRARY_PATH:-}:$NVIDIA"; then
    for found in "$root/.deno" "$root/bench"; do
      if [ -e "$found/libvulkan.so.1" ]; then VK_LOADER=$found; break; fi
    done
    [ -n "${VK_LOADER:-}" ] ||
      fail "the Vulkan loader was not found; set VK_LOADER to libvulkan.so.1, or install it (apt-get install libvulkan1)"
  fi
  if [ -n "${VK_LOADER:-}" ]; then
    loader=$(absolute "$VK_LOADER")
    [ -d "$loader" ] && loader=$loader/libvulkan.so.1
    [ -e "$loader" ] || fail "VK_LOADER is $VK_LOADER, where there is no libvulkan.so.1; set it to that file or its folder"
    mkdir -p "$own/lib"
    ln -sf "$loader" "$own/lib/libvulkan.so.1"
    prepend "$own/lib"
  fi
  if [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ]; then
    known=
    for icd in /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json /usr/local/share/vulkan/icd.d/*.json; do
      case "$icd" in *nvidia*.json) known=nvidia; break ;; esac
      if [ -f "$icd" ]; then known=other; fi
    done
    other=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
    driver=libGLX_nvidia.so.0
    if [ "$known" = nvidia ]; then
      :
    elif [ -f "$other" ]; then
      export VK_DRIVER_FILES="$other"
    elif libraries "$driver" || in_folders "$driver" "${LD_LIBRARY_PATH:-}:$NVIDIA"; then
      printf '{"file_format_version":"1.0.0","ICD":{"library_path":"%s","api_version":"1.3.0"}}\n' "$driver" >"$own/nvidia_icd.json"
      export VK_DRIVER_FILES="$own/nvidia_icd.json"
    elif [ -z "$known" ]; then
      fail "no Vulkan driver was found; install the GPU's, or set VK_DRIVER_FILES to the driver's .json"
    fi
  fi
  if ! libraries libGLX_nvidia && [ -d /usr/local/nvidia/lib64 ]; then prepend /usr/local/nvidia/lib64; fi
fi

exec "$deno" run -A --quiet --no-check --no-lock --cached-only "$root/bench/gpu/main.ts" "$@"
