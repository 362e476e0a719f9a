import { Fragment } from "react";
import { Words } from "../ui/Words";
import {
  type ApiDocument,
  type Body,
  descriptionOf,
  exampleValue,
  formsOf,
  type Media,
  membersOf,
  type Route,
  type Schema,
  scopesOf,
  typeOf,
} from "./document";

// The media type of errors.
const PROBLEM = "application/problem+json";
// Objects within objects that are shown.
const MAX_DEPTH = 4;

// One operation: what goes in, what comes out, and what can go wrong.
export function OperationView({ document, route }: { document: ApiDocument; route: Route }) {
  const { method, path, operation } = route;
  const scopes = scopesOf(operation);
  const answers = Object.entries(operation.responses);
  const isError = ([status]: [string, Body]) => status >= "400";
  return (
    <article id={operation.operationId}>
      <h3>
        <span className={`method ${method}`}>{method}</span> <code>{path}</code>
      </h3>
      <Text text={operation.summary} />
      <Text text={operation.description} />
      <p className="scopes">
        {scopes.length === 0 ? "Open to all." : "Needs one of the scopes "}
        {scopes.map((scope) => (
          <Fragment key={scope}>
            <code>{scope}</code>{" "}
          </Fragment>
        ))}
      </p>
      {operation.parameters && operation.parameters.length > 0 && (
        <>
          <h4>Parameters</h4>
          <dl>
            {operation.parameters.map((one) => (
              <Member
                key={one.name}
                document={document}
                name={one.name}
                schema={{ ...one.schema, description: one.description ?? "" }}
                note={one.in + (one.required ? ", required" : "")}
                depth={MAX_DEPTH}
              />
            ))}
          </dl>
        </>
      )}
      {operation.requestBody && (
        <>
          <h4>Body</h4>
          <BodyView document={document} body={operation.requestBody} />
        </>
      )}
      <h4>Answers</h4>
      {answers
        .filter((answer) => !isError(answer))
        .map(([status, body]) => (
          <Answer key={status} document={document} status={status} body={body} />
        ))}
      <details className="errors">
        <summary>
          Errors:{" "}
          {answers
            .filter(isError)
            .map(([status]) => status)
            .join(", ")}
        </summary>
        {answers.filter(isError).map(([status, body]) => (
          <Answer key={status} document={document} status={status} body={body} />
        ))}
      </details>
    </article>
  );
}

function Answer({ document, status, body }: { document: ApiDocument; status: string; body: Body }) {
  return (
    <details className="answer">
      <summary>
        <b>{status}</b> <Words text={body.description ?? ""} />
      </summary>
      <BodyView document={document} body={body} />
    </details>
  );
}

function BodyView({ document, body }: { document: ApiDocument; body: Body }) {
  return Object.entries(body.content ?? {}).map(([kind, media]) => (
    <div key={kind}>
      <p className="kind">{kind}</p>
      {/* All errors are alike; their examples say more. */}
      {media.schema && kind !== PROBLEM && (
        <Members document={document} schema={media.schema} depth={0} />
      )}
      <Examples document={document} media={media} />
    </div>
  ));
}

function Examples({ document, media }: { document: ApiDocument; media: Media }) {
  const named = Object.values(media.examples ?? {}).map((one) => exampleValue(document, one));
  const all = media.example === undefined ? named : [media.example, ...named];
  return all.map((value) => {
    const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
    return <pre key={text}>{text}</pre>;
  });
}

function Members({
  document,
  schema,
  depth,
}: {
  document: ApiDocument;
  schema: Schema;
  depth: number;
}) {
  const forms = formsOf(document, schema);
  if (forms.length > 0) {
    return forms.map((form, at) => (
      <Fragment key={JSON.stringify(form)}>
        {at > 0 && <p className="kind">or</p>}
        <Members document={document} schema={form} depth={depth} />
      </Fragment>
    ));
  }
  const members = membersOf(document, schema);
  if (members.length === 0) return null;
  return (
    <dl>
      {members.map(([name, member, isRequired]) => (
        <Member
          key={name}
          document={document}
          name={name}
          schema={member}
          note={isRequired ? "required" : ""}
          depth={depth}
        />
      ))}
    </dl>
  );
}

interface MemberProps {
  document: ApiDocument;
  name: string;
  schema: Schema;
  note: string;
  depth: number;
}

function Member({ document, name, schema, note, depth }: MemberProps) {
  const hasMembers = membersOf(document, schema).length + formsOf(document, schema).length > 0;
  const inner = depth < MAX_DEPTH && hasMembers;
  return (
    <>
      <dt>
        <code>{name}</code>{" "}
        <span>{[typeOf(document, schema), note].filter(Boolean).join(", ")}</span>
      </dt>
      <dd>
        <Text text={descriptionOf(schema)} />
        {inner && (
          <details>
            <summary>Members</summary>
            <Members document={document} schema={schema} depth={depth + 1} />
          </details>
        )}
      </dd>
    </>
  );
}

// Text with `code` in it and empty lines between paragraphs.
export function Text({ text }: { text: string | undefined }) {
  if (!text) return null;
  return text.split(/\n\s*\n/).map((paragraph) => (
    <p key={paragraph}>
      <Words text={paragraph} />
    </p>
  ));
}
