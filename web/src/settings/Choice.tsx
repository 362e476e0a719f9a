import { Checkbox } from "@base-ui/react/checkbox";
import { Check } from "lucide-react";
import type { ReactNode } from "react";
import css from "./controls.module.css";

interface ChoiceProps {
  label: ReactNode;
  /** A sentence below the label. */
  more?: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  testId?: string;
}

/** One of several things that can be chosen together. */
export function Choice({ label, more, checked, onChange, testId }: ChoiceProps) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the checkbox is inside.
    <label className={css.choice}>
      <Checkbox.Root
        className={css.box}
        checked={checked}
        onCheckedChange={onChange}
        data-testid={testId}
      >
        <Checkbox.Indicator className={css.check}>
          <Check />
        </Checkbox.Indicator>
      </Checkbox.Root>
      <span>
        {label}
        {more && <span className={css.more}>{more}</span>}
      </span>
    </label>
  );
}
