# The operator's image: Python packages by hash, no compiler, no shell tools of ours, no root.
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv --without-pip /opt/appdb
COPY requirements.lock /src/requirements.lock
RUN pip --python /opt/appdb/bin/python install \
      --require-hashes --only-binary :all: -r /src/requirements.lock
# The pack carries 160 grammars in 180 MB; these are the ones that front ends read.
RUN cd /opt/appdb/lib/python3.13/site-packages/tree_sitter_language_pack/bindings \
 && mkdir kept \
 && mv prisma.abi3.so graphql.abi3.so typescript.abi3.so tsx.abi3.so javascript.abi3.so \
      python.abi3.so kept/ \
 && rm -f ./*.abi3.so \
 && mv kept/* . \
 && rmdir kept
COPY operator/appdb /opt/appdb/lib/python3.13/site-packages/appdb
RUN printf '#!/opt/appdb/bin/python\nfrom appdb.cli import main\n\nmain()\n' >/opt/appdb/bin/appdb \
 && chmod 755 /opt/appdb/bin/appdb \
 && /opt/appdb/bin/python -m compileall -q /opt/appdb/lib \
 && /opt/appdb/bin/appdb --version

FROM python:3.13-slim
LABEL org.opencontainers.image.title="appdb-operator" \
      org.opencontainers.image.description="Gives each application its own Postgres database" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/appdb /opt/appdb
COPY LICENSE /licenses/LICENSE
ENV PATH=/opt/appdb/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# A number, so that runAsNonRoot can be checked without looking into the image.
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080
ENTRYPOINT ["appdb", "run"]
