import { useMay } from "../session/session";
import { text } from "../text";
import { FirstRun } from "./FirstRun";
import { Library } from "./Library";

/** All videos, for those who may see them. */
export default function LibraryPage() {
  const mayRead = useMay("read");
  return (
    <>
      <h1 className="visually-hidden">{text.library.title}</h1>
      {mayRead ? <Library /> : <FirstRun mayRead={false} />}
    </>
  );
}
