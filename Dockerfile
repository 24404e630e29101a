# The image of everything in docker-compose.yml but the database.
# With `--build-arg TENSORFLOW=tensorflow[and-cuda]` it brings the CUDA libraries, for NVIDIA GPUs.

# Of pyproject.toml, only the dependencies reach the next stage: no other change in it installs them again.
FROM python:3.11-slim-bookworm AS requirements
COPY pyproject.toml /
RUN python -c "import tomllib; project = tomllib.load(open('/pyproject.toml', 'rb'))['project']; \
extras = project['optional-dependencies']; \
print(*project['dependencies'], *extras['cmaes'], *extras['s3'], sep='\n')" > /requirements.txt


FROM python:3.11-slim-bookworm AS dependencies
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_NO_INPUT=1 \
    PIP_ROOT_USER_ACTION=ignore
# A new volume takes over the owner of the directory that it is mounted on.
RUN groupadd --gid 10001 search \
 && useradd --uid 10001 --gid search --home-dir /tmp --no-create-home --shell /usr/sbin/nologin search \
 && install --directory --owner search --group search /artifacts /artifacts/models /data
COPY constraints.txt /opt/
RUN python -m pip install --constraint /opt/constraints.txt --upgrade pip
# TensorFlow is most of the image: a layer of its own, which other packages' changes leave alone.
ARG TENSORFLOW=tensorflow
RUN python -m pip install --constraint /opt/constraints.txt "$TENSORFLOW"
COPY --from=requirements /requirements.txt /opt/
RUN python -m pip install --constraint /opt/constraints.txt --requirement /opt/requirements.txt


FROM dependencies AS code
COPY pyproject.toml README.md /src/
COPY search /src/search/
COPY spaces /src/spaces/
COPY storage /src/storage/
RUN python -m pip install --no-deps --build-constraint /opt/constraints.txt --target /code /src


FROM dependencies
COPY --from=code /code /usr/local/lib/python3.11/site-packages/
COPY docker/healthy.py /opt/
# The root file system is read-only: compiled modules come with the image, downloads and traced programs go to the
# volume of the data sets.
# The safe path keeps modules out of sys.path that lie about in the working directory.
ENV KERAS_HOME=/data/.keras \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    SEARCH_PROGRAM_CACHE=/data/.programs
WORKDIR /data
USER 10001:10001
CMD ["python", "-m", "search"]
