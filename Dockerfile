FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json rolldown.config.mjs ./
COPY src src
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json
# One file: nothing is looked for at the start.
RUN node node_modules/rolldown/bin/cli.mjs -c rolldown.config.mjs

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /serin
COPY LICENSE package.json ./
COPY --from=build /build/dist dist
# Nothing is written at run time, so the root file system can be read-only. The number is what runAsNonRoot checks.
USER 65532:65532
ENTRYPOINT ["node", "dist/main.js"]
CMD ["operator"]
