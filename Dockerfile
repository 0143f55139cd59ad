# Two stages: `build` compiles the program, the last one holds nothing but the binary, the C library and certificates.
FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked && cp target/release/wedof-sheet-sync /wedof-sheet-sync

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="wedof-sheet-sync" \
      org.opencontainers.image.description="Keeps Google Sheets true to a Wedof account, on a schedule, on Kubernetes" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /wedof-sheet-sync /usr/local/bin/wedof-sheet-sync
# a folder that every user may read, whatever uid the cluster gives
WORKDIR /
# digits, since the kubelet cannot tell from a name that it is not root
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/wedof-sheet-sync"]
