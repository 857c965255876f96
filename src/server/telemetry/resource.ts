import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from '@opentelemetry/resources';

/** Describes this server to a collector; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES override it. */
export function serverResource(version: string): Resource {
  return defaultResource()
    .merge(resourceFromAttributes({ 'service.name': 'postlude', 'service.version': version }))
    .merge(detectResources({ detectors: [envDetector] }));
}
