#!/bin/sh
# Checks and times everything on the GPU of a bare machine that has its driver: bench/gpu/main.ts, whose flags these are.
#   bench/gpu.sh [--budget SECONDS] [--phases a,b] [--out FILE] [--quick]
# Deno comes from $DENO (the program, or deno.xz), the PATH, .deno/ or bench/ of this project; the Vulkan loader from
# $VK_LOADER (libvulkan.so.1 or its folder), the system, LD_LIBRARY_PATH, .deno/ or bench/. Nothing is fetched: packages
# come from Deno's cache ($DENO_DIR), and what needs one that is not there is skipped. What has not ended $GRACE seconds (30)
# after its budget is ended from outside: a driver may block the thread on which the script looks at its clock.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)

say() { printf 'bench/gpu.sh: %s\n' "$*" >&2; }
fail() { say "$@"; exit 2; }
absolute() { case "$1" in /*) printf '%s' "$1" ;; *) printf '%s/%s' "$PWD" "$1" ;; esac; }

XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-${TMPDIR:-/tmp}}
export XDG_RUNTIME_DIR
own=${TMPDIR:-/tmp}/itera-gpu.$(id -u)
mkdir -p "$own"

# ---- what bench/pack_gpu.sh packed ------------------------------------------------------------------------------------

if [ -z "${DENO:-}" ] && [ -f "$root/.gpu/env.sh" ]; then
  ITERA_PACK=$root/.gpu
  . "$root/.gpu/env.sh"
fi

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

# In one of the folders named: $1 the file, $2 the folders, parted by colons. Says where.
in_folders() {
  old=$IFS; IFS=:
  for folder in $2; do
    if [ -n "$folder" ] && [ -e "$folder/$1" ]; then IFS=$old; printf '%s' "$folder/$1"; return 0; fi
  done
  IFS=$old
  return 1
}

# Beside an NVIDIA driver put there by a container's runtime, the loader's usual folders may know nothing of it.
NVIDIA=/usr/local/nvidia/lib64:/usr/local/nvidia/lib:/usr/lib/x86_64-linux-gnu:/usr/lib/aarch64-linux-gnu:/usr/lib64
CONTAINER="start a container with NVIDIA_DRIVER_CAPABILITIES=all (it is \"graphics\" that brings Vulkan)"
prepend() { LD_LIBRARY_PATH=$1${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}; export LD_LIBRARY_PATH; }

# What a library of the driver lacks of others, in words; fails where it is not here at all.
lacking() {
  path=$(in_folders "$1" "${LD_LIBRARY_PATH:-}" ||
    { ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null; } |
    sed -n "s|^[[:space:]]*$1 (.*64.*) => ||p" | grep -m 1 . || in_folders "$1" "$NVIDIA") || return 1
  ! command -v ldd >/dev/null 2>&1 || ldd "$path" 2>&1 | sed -n 's/^[[:space:]]*\([^ ]*\).*not found.*/\1/p' | sort -u
}

# Loaders before 1.3.207 know the second name alone.
describe() { export VK_DRIVER_FILES="$1" VK_ICD_FILENAMES="$1"; }

# The first description whose file's name is like $1, among those the loader looks through.
described() {
  like=$1 old=$IFS; IFS=:
  set -- ${XDG_DATA_DIRS:-/usr/local/share:/usr/share} /etc
  IFS=$old
  for folder in "$@"; do
    for icd in "$folder"/vulkan/icd.d/$like; do
      if [ -f "$icd" ]; then printf '%s' "$icd"; return 0; fi
    done
  done
  return 1
}

find_driver() {
  # GLX's library wants X's own, which headless containers lack; EGL's gives the same Vulkan without.
  driver= lacks=
  for name in libGLX_nvidia.so.0 libEGL_nvidia.so.0; do
    lack=$(lacking "$name") || continue
    if [ -z "$lack" ]; then driver=$name; break; fi
    lacks="$lacks; $name lacks $(printf '%s' "$lack" | tr '\n' ' ' | sed 's/ $//')"
  done
  system=$(described '*nvidia*.json') || system=
  other=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
  if [ -n "$driver" ]; then
    if [ -n "$system" ] && { [ "$driver" != libEGL_nvidia.so.0 ] || ! grep -q libGLX_nvidia "$system"; }; then return; fi
    printf '{"file_format_version":"1.0.0","ICD":{"library_path":"%s","api_version":"1.3.0"}}\n' "$driver" >"$own/nvidia_icd.json"
    describe "$own/nvidia_icd.json"
  elif [ -n "$system" ]; then
    # A whole path may lead where nobody looks.
    grep -q '"library_path"[^,]*"/' "$system" || say "the library that $system names was not found$lacks; $CONTAINER"
  elif [ -f "$other" ]; then
    describe "$other"
  elif described '*.json' >/dev/null; then
    [ ! -e /dev/nvidiactl ] || say "the NVIDIA driver's Vulkan library was not found$lacks; $CONTAINER"
  else
    fail "no Vulkan driver was found$lacks; install the GPU's, $CONTAINER, or set VK_DRIVER_FILES to the driver's .json"
  fi
}

if [ "$(uname -s)" = Linux ]; then
  if [ -z "${VK_LOADER:-}" ] && ! libraries 'libvulkan\.so\.1' &&
    ! in_folders libvulkan.so.1 "${LD_LIBRARY_PATH:-}:$NVIDIA" >/dev/null; then
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
  if ! libraries libGLX_nvidia && [ -d /usr/local/nvidia/lib64 ]; then prepend /usr/local/nvidia/lib64; fi
  if [ -n "${VK_DRIVER_FILES:-}" ]; then
    describe "$VK_DRIVER_FILES"
  elif [ -z "${VK_ICD_FILENAMES:-}" ]; then
    find_driver
  fi
fi

# ---- the run, and its end ----------------------------------------------------------------------------------------------

budget=480 next=
for word in "$@"; do
  if [ -n "$next" ]; then budget=$word next=; continue; fi
  case "$word" in
    --budget) next=yes ;;
    --budget=*) budget=${word#*=} ;;
  esac
done
budget=${budget%%.*}
grace=${GRACE:-30}
# What is no number of seconds is refused by the script itself, at once.
case "$budget" in "" | *[!0-9]*) budget=480 ;; esac
case "$grace" in *[!0-9]*) fail "GRACE takes whole seconds, such as 30; found \"$grace\"" ;; esac

# A group of its own for each, so that its children end with it.
if command -v setsid >/dev/null 2>&1; then group=setsid; else group=; set -m; fi
end() { kill "-$1" "-$2" 2>/dev/null || kill "-$1" "$2" 2>/dev/null || :; }
late() {
  end KILL "$child"
  say "it had not ended $grace s after its budget of $budget s and was killed; what finished phases found is saved" \
    "(--out, else the newest bench/results/gpu-*.json)"
  exit 1
}
stopped() { end TERM "$child"; end KILL "$timer"; exit "$1"; }

child= timer=
trap late ALRM
trap 'stopped 129' HUP
trap 'stopped 130' INT
trap 'stopped 143' TERM
$group "$deno" run -A --quiet --no-check --no-lock --cached-only "$root/bench/gpu/main.ts" "$@" &
child=$!
$group sh -c 'sleep "$1"; kill -ALRM "$2"' timer "$(expr "$budget" + "$grace")" $$ </dev/null >/dev/null 2>&1 &
timer=$!
status=0
wait "$child" || status=$?
end KILL "$timer"
exit "$status"
