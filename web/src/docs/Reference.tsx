import { useEffect, useState } from "react";
import { type ApiDocument, type Route, routesOf } from "./document";
import { OperationView, Text } from "./OperationView";

// The reference of the API, from the document that this server gives.
export function Reference() {
  const [document, setDocument] = useState<ApiDocument | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    fetch("/openapi.json")
      .then((response) => response.json() as Promise<ApiDocument>)
      .then(setDocument, (reason: unknown) => setError(String(reason)));
  }, []);
  useEffect(() => {
    // The address may name an operation, which was not there when the page was loaded.
    if (document && location.hash)
      window.document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, [document]);
  if (error) return <p className="error">{error}</p>;
  if (!document) return null;
  const sections = document.tags.map((tag) => ({ ...tag, routes: routesOf(document, tag.name) }));
  return (
    <div className="docs">
      <Contents sections={sections} />
      <main>
        <h1>
          {document.info.title} API <small>{document.info.version}</small>
        </h1>
        <Text text={document.info.description} />
        <p>
          <a href="/openapi.json">openapi.json</a> is the same for programs.{" "}
          <a href="/">Back to the videos</a>
        </p>
        {sections.map((section) => (
          <section key={section.name} id={section.name}>
            <h2>{section.name}</h2>
            <Text text={section.description} />
            {section.routes.map((route) => (
              <OperationView key={route.operation.operationId} document={document} route={route} />
            ))}
          </section>
        ))}
      </main>
    </div>
  );
}

function Contents({ sections }: { sections: { name: string; routes: Route[] }[] }) {
  // Beside the text where there is room, folded above it elsewhere.
  const [isOpen, setOpen] = useState(() => matchMedia("(min-width: 60rem)").matches);
  return (
    <nav aria-label="Contents">
      <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>Contents</summary>
        {sections.map((section) => (
          <div key={section.name}>
            <a className="section" href={`#${section.name}`}>
              {section.name}
            </a>
            <ul>
              {section.routes.map(({ method, operation }) => (
                <li key={operation.operationId}>
                  <a href={`#${operation.operationId}`}>
                    <span className={`method ${method}`}>{method}</span> {operation.operationId}
                  </a>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </details>
    </nav>
  );
}
