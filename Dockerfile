FROM golang:1.26-trixie AS build
WORKDIR /src
# Whoever sets these for go sets them for the build too; unset, go has its own defaults.
ARG GOPROXY
ARG GOFLAGS
# A static program: the image below has no C library.
ENV CGO_ENABLED=0

# Modules are a layer of their own, made again only when these two files change.
COPY go.mod go.sum ./
RUN go mod download

COPY . .
# -trimpath: no paths of this build, so that the same source gives the same program. -s -w: no tables for debuggers;
# stack traces don't need them.
RUN --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -ldflags='-s -w' -o /out/blog ./cmd/blog && mkdir /out/data

# No shell, no package manager, no libc: certificates, time zones, a user. Whoever breaks in finds nothing to run.
FROM gcr.io/distroless/static-debian13:nonroot
COPY --from=build /out/blog /blog
# A new volume takes its owner from here.
COPY --from=build --chown=65532:65532 /out/data /data
ENV DATA_DIR=/data
# As a number, so that "not root" can be checked without the image's list of users.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/blog"]
CMD ["serve"]
