# shellcheck shell=bash
# Images without a registry: the pause container, a stand-in for the base image, and the project's own image.

readonly PAUSE_IMAGE=localhost/pause:1
readonly BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot

# buildah with a store of its own that is thrown away: nothing stale can be found in it, nothing else can meet it.
in_store() {
  local store=$1
  shift
  "$1" --root "$store/root" --runroot "$store/run" --storage-driver vfs "${@:2}"
}

# pause_archive: prints the path of an OCI archive of the container that holds a pod's namespaces.
pause_archive() {
  local archive=$IMAGE_CACHE/pause-1.tar
  [[ -s $archive ]] || with_lock "$IMAGE_CACHE/.pause.lock" make_archive "$archive" build_pause
  printf '%s\n' "$archive"
}

# base_archive: the same for the base image of the Dockerfile, made from this machine's Debian packages.
base_archive() {
  local archive=$IMAGE_CACHE/distroless-cc-debian12-1.tar
  [[ -s $archive ]] || with_lock "$IMAGE_CACHE/.base.lock" make_archive "$archive" build_base
  printf '%s\n' "$archive"
}

# make_archive FILE FUNCTION: the function gets a work folder and leaves `image.tar` there.
make_archive() {
  local archive=$1 work
  [[ ! -s $archive ]] || return 0
  say "making $(basename "$archive" .tar) (a few seconds, only this once)"
  work=$(mktemp -d)
  if ! "$2" "$work" >"$work/log" 2>&1; then
    tail -n 15 "$work/log" >&2
    rm -rf "$work"
    die "could not make $(basename "$archive")"
  fi
  mv "$work/image.tar" "$archive.new" # perhaps a copy between file systems, so not yet under its name
  mv "$archive.new" "$archive"
  rm -rf "$work"
}

build_pause() {
  local work=$1
  mkdir "$work/context" &&
    cat >"$work/pause.c" <<'EOF' &&
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void stop(int signal) { (void)signal; _exit(0); }
static void reap(int signal) { (void)signal; while (waitpid(-1, NULL, WNOHANG) > 0); }
int main(void) {
  signal(SIGINT, stop);
  signal(SIGTERM, stop);
  signal(SIGCHLD, reap);
  for (;;) pause();
}
EOF
    gcc -static -Os -o "$work/context/pause" "$work/pause.c" &&
    printf 'FROM scratch\nCOPY pause /pause\nUSER 65535:65535\nENTRYPOINT ["/pause"]\n' >"$work/context/Dockerfile" &&
    in_store "$work/store" buildah bud --isolation chroot --iidfile "$work/id" "$work/context" &&
    in_store "$work/store" buildah push "$(<"$work/id")" "oci-archive:$work/image.tar:$PAUSE_IMAGE"
}

build_base() {
  local work=$1 root=$1/context/root package
  mkdir -p "$root" "$work/packages" &&
    (cd "$work/packages" && apt-get -o APT::Sandbox::User=root download libc6 libgcc-s1 ca-certificates tzdata) || return
  for package in "$work"/packages/*.deb; do
    dpkg-deb --extract "$package" "$root" || return
  done
  # ca-certificates would join them in its installation script.
  find "$root/usr/share/ca-certificates" -name '*.crt' -print0 | sort -z | xargs -0 cat >"$work/certificates" &&
    mkdir -p "$root/etc/ssl/certs" "$root/home/nonroot" "$root/tmp" "$root/var/tmp" "$root/root" &&
    mv "$work/certificates" "$root/etc/ssl/certs/ca-certificates.crt" &&
    rm -rf "$root"/usr/share/{doc,man,locale,lintian,bash-completion} "$root"/usr/sbin "$root"/etc/ld.so.conf.d &&
    chmod 1777 "$root/tmp" "$root/var/tmp" && chmod 700 "$root/home/nonroot" "$root/root" &&
    chown 65532:65532 "$root/home/nonroot" &&
    printf '%s\n' root:x:0:0:root:/root:/sbin/nologin nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin \
      nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin >"$root/etc/passwd" &&
    printf '%s\n' root:x:0: nobody:x:65534: tty:x:5: staff:x:50: nonroot:x:65532: >"$root/etc/group" &&
    printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf" &&
    cat >"$work/context/Dockerfile" <<'EOF' &&
FROM scratch
COPY root /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532
WORKDIR /home/nonroot
EOF
    in_store "$work/store" buildah bud --isolation chroot --iidfile "$work/id" "$work/context" &&
    in_store "$work/store" buildah push "$(<"$work/id")" "oci-archive:$work/image.tar:$BASE_IMAGE"
}

# build_project_image BINARY REFERENCE WORK: the repository's Dockerfile, with its stage `build` replaced by a folder
# that holds the binary that was built here. Leaves WORK/image.tar.
build_project_image() {
  local binary=$1 reference=$2 work=$3
  mkdir -p "$work/build" &&
    install -m 0755 "$binary" "$work/build/wedof-sheet-sync" &&
    in_store "$work/store" buildah pull "oci-archive:$(base_archive)" &&
    in_store "$work/store" buildah bud --isolation chroot --pull-never --build-context "build=$work/build" \
      --iidfile "$work/id" --file "$REPOSITORY/Dockerfile" "$REPOSITORY" &&
    in_store "$work/store" buildah push "$(<"$work/id")" "oci-archive:$work/image.tar:$reference"
}
