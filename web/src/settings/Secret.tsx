import { Check, Copy } from "lucide-react";
import { useEffect, useId, useState } from "react";
import { text } from "../text/operator";
import { Button } from "../ui/Button";
import { writeClipboard } from "../ui/clipboard";
import { tellError } from "../ui/toasts";
import css from "./Secret.module.css";

const COPIED_MS = 2_000;

interface SecretProps {
  label: string;
  value: string;
  more: string;
  testId: string;
}

/** A text that is shown once, with a button that copies it. */
export function Secret({ label, value, more, testId }: SecretProps) {
  const id = useId();
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = async () => {
    try {
      await writeClipboard(value);
      setCopied(true);
    } catch (reason) {
      tellError(text.settings.copyFailed, reason);
    }
  };
  return (
    <div className={css.secret}>
      <label className={css.label} htmlFor={id}>
        {label}
      </label>
      <div className={css.line}>
        <input
          id={id}
          className={css.value}
          readOnly
          value={value}
          onFocus={(event) => event.target.select()}
          spellCheck={false}
          data-testid={testId}
        />
        <Button
          look="primary"
          icon={isCopied ? <Check /> : <Copy />}
          onClick={copy}
          aria-label={text.settings.copyIt(label)}
        >
          {isCopied ? text.common.copied : text.common.copy}
        </Button>
      </div>
      <p className={css.more}>{more}</p>
      <p className="visually-hidden" role="status">
        {isCopied ? text.common.copied : ""}
      </p>
    </div>
  );
}
