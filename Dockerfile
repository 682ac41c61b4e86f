FROM node:26.10.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json tsconfig.samples.json ./
COPY src ./src
COPY services ./services
COPY scripts/copy-page-files.ts ./scripts/
RUN npm run build && rm -r dist/services && npm prune --omit=dev

# The sample upstreams, for docker-compose.yml only: plain Node, no packages.
FROM node:26.10.0-bookworm-slim AS samples
WORKDIR /app
COPY package.json ./
COPY services ./services
USER 1000:1000
CMD ["node", "--disable-warning=ExperimentalWarning", "services/start.ts", "--host", "0.0.0.0"]

FROM node:26.10.0-bookworm-slim AS gateway
ENV NODE_ENV=production TURNPIKE_CONFIG=/etc/turnpike/gateway_config.yaml
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json ./
COPY gateway_config.yaml /etc/turnpike/
# The only place that is written to; everything else may be mounted read-only.
RUN install -d -o 1000 -g 1000 data
VOLUME /app/data
# A number, so that an orchestrator can see that it is not root.
USER 1000:1000
EXPOSE 8000
# Liveness only: readiness (/ready) decides about traffic, not about restarts. The command finds port, host and TLS of
# the running gateway by itself.
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=3 \
  CMD ["node", "dist/cli/main.js", "health"]
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "dist/cli/main.js"]
CMD ["start"]
