# simd: one static binary, alone in its image.
#
#   docker build -t simd .
#   docker run --rm simd run case-2 --speed 20
#   docker run --rm -p 127.0.0.1:8080:8080 -e SIMD_TRUST_NETWORK=true -v simd:/data simd
#
# The folder .git belongs to the build: the binary says which commit it is made of.
FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags="-s -w" -o /out/simd ./cmd/simd
# A volume that is new takes the owner and the rights of the folder that it covers.
RUN mkdir -m 0750 /out/data

FROM scratch
LABEL org.opencontainers.image.title="simd" \
      org.opencontainers.image.description="A wind tunnel for Kafka integrations" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/simd /simd
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
# In a container, 127.0.0.1 is out of everybody's reach. Elsewhere than there, simd wants SIMD_TOKEN, or to be told
# that whoever reaches it is trusted: it says so, and does not start.
ENV SIMD_LISTEN=0.0.0.0:8080 SIMD_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=4s --start-period=10s --retries=3 CMD ["/simd", "healthcheck"]
ENTRYPOINT ["/simd"]
CMD ["serve"]
