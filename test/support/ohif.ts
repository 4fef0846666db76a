/**
 * The OHIF viewer as its npm package ships it, before a gateway: one address serves its pages and passes /dicomweb on, as an
 * institution's web server does. Out: where to open a study. Nothing of src is imported.
 */
import { existsSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import express from 'express';
import { ROOT } from './gateway-process.ts';

const DIST = join(ROOT, 'node_modules/@ohif/app/dist');

export const isOhifThere = existsSync(join(DIST, 'index.html'));

export type Viewer = {
  readonly url: string;
  /** Requests that the viewer made of the gateway: `200 GET /dicomweb/…`. */
  readonly asked: readonly string[];
  close(): Promise<void>;
};

/** `port`: known before, for the gateway writes it into what it answers. */
export async function serveOhif(gateway: string, port: number): Promise<Viewer> {
  const asked: string[] = [];
  const app = express();
  app.use('/dicomweb', (request, response) => passOn(gateway, request, response, asked));
  app.get('/app-config.js', (_request, response) => {
    response.type('text/javascript').send(`window.config = ${JSON.stringify(CONFIG)};`);
  });
  app.use(express.static(DIST));
  app.get('/{*path}', (_request, response) => response.sendFile(join(DIST, 'index.html')));
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function passOn(gateway: string, request: IncomingMessage & { originalUrl: string }, response: ServerResponse, asked: string[]): void {
  const { method, headers, originalUrl } = request;
  const onward = httpRequest(`${gateway}${originalUrl}`, { method, headers }, (answer) => {
    asked.push(`${answer.statusCode} ${method} ${originalUrl}`);
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}

/** What an institution configures: where the DICOMweb root is, and that it is a whole one. */
const CONFIG = {
  routerBasename: '/',
  extensions: [],
  modes: [],
  showStudyList: true,
  investigationalUseDialog: { option: 'never' },
  defaultDataSourceName: 'waystation',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'waystation',
      configuration: {
        ...{ friendlyName: 'Waystation', name: 'waystation', wadoUriRoot: '/dicomweb', qidoRoot: '/dicomweb', wadoRoot: '/dicomweb' },
        ...{ qidoSupportsIncludeField: true, supportsFuzzyMatching: true, supportsWildcard: true, enableStudyLazyLoad: true },
        ...{ imageRendering: 'wadors', thumbnailRendering: 'thumbnail', thumbnailRequestStrategy: 'fetch' },
        bulkDataURI: { enabled: true },
      },
    },
  ],
};
