# The operator's image: `docker build -t rorqual:0.1.0 .`
# Everything that the lock file names is fetched and checked against its hash, and the operator is then installed from
# that folder alone; what only developers need is in the folder and not in the image.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.lock ./
RUN pip wheel --no-cache-dir --require-hashes --no-deps --requirement requirements.lock --wheel-dir /wheels
COPY pyproject.toml README.md LICENSE* ./
COPY engine ./engine
COPY operator ./operator
# The commands of the sandbox and the demo are not in the image, so they are not offered either.
RUN sed -i '/^sandbox = "rorqual_sandbox/d; /^demo = "rorqual_demo/d' pyproject.toml \
 && pip wheel --no-cache-dir --no-index --find-links /wheels --no-deps --wheel-dir /rorqual . \
 && python -m venv /opt/rorqual \
 && /opt/rorqual/bin/pip install --no-cache-dir --no-index --find-links /wheels "$(echo /rorqual/*.whl)[hub]" \
 && /opt/rorqual/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim
COPY --from=build /opt/rorqual /opt/rorqual
ENV PATH=/opt/rorqual/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["rorqual"]
CMD ["operator", "run"]
