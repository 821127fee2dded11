# Mailferry for production: one image for API, workers and the one-shot commands. Needs PostgreSQL and Temporal beside it.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# With optional packages: swc, which the bundler uses, comes as one.
RUN npm ci --omit=dev --ignore-scripts
COPY . .
RUN node workers/bundle.ts --out /app/dist/workflows.js

FROM node:24.21.0-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without optional ones: the embedded PostgreSQL and the bundler's compiler are of no use in here.
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production \
    MAILFERRY_HOME=/var/lib/mailferry \
    MAILFERRY_API_HOST=0.0.0.0 \
    MAILFERRY_WORKFLOW_BUNDLE=/app/dist/workflows.js \
    NODE_COMPILE_CACHE=/var/lib/mailferry/compile
RUN groupadd --gid 10001 mailferry \
 && useradd --uid 10001 --gid mailferry --home-dir /var/lib/mailferry --create-home --shell /usr/sbin/nologin mailferry \
 && ln -s /app/bin/mailferry.js /usr/local/bin/mailferry
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json *.ts ./
COPY setup ./setup
COPY bin ./bin
COPY domain ./domain
COPY adapters ./adapters
COPY activities ./activities
COPY workflows ./workflows
COPY workers ./workers
COPY embedded ./embedded
COPY api ./api
COPY cli ./cli
COPY portal ./portal
COPY deploy/worker-health.js ./deploy/worker-health.js
USER mailferry
VOLUME /var/lib/mailferry
EXPOSE 7080
CMD ["node", "api/main.ts"]
