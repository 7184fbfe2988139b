# Web, daemon or scheduler: one image, and the command says which (`Procfile` has the three). It needs SECRET_KEY,
# CREDENTIALS_KEYS, DATABASE_URL and CELERY_BROKER_URL; /data holds nothing that another container would miss.
FROM python:3.11-slim AS packages
COPY requirements.lock .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes --no-deps --requirement requirements.lock

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home --home-dir /data syncdeck
COPY --from=packages /venv /venv
WORKDIR /srv/syncdeck
COPY manage.py ./
COPY dashboard dashboard
COPY runs runs
COPY static static
COPY templates templates
RUN /venv/bin/python -m compileall -q dashboard runs
ENV PATH=/venv/bin:$PATH DATA_DIR=/data PYTHONUNBUFFERED=1 LOG_FORMAT=json
USER syncdeck
VOLUME /data
EXPOSE 8000
# Of the web process: a daemon says in the database that it lives, and ends by itself when it can't.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0", "--port", "8000"]
