import type { ComponentProps, ReactNode } from "react";
import css from "./Field.module.css";

interface FieldProps extends ComponentProps<"input"> {
  label: string;
  hint?: ReactNode;
}

/** A line of text with its label. */
export function Field({ label, hint, className, ...rest }: FieldProps) {
  return (
    <label className={`${css.field} ${className ?? ""}`}>
      <span className={css.label}>{label}</span>
      <input className={css.input} {...rest} />
      {hint && <span className={css.hint}>{hint}</span>}
    </label>
  );
}

interface TextAreaProps extends ComponentProps<"textarea"> {
  label: string;
}

/** Several lines of text with their label. */
export function TextArea({ label, className, ...rest }: TextAreaProps) {
  return (
    <label className={`${css.field} ${className ?? ""}`}>
      <span className={css.label}>{label}</span>
      <textarea className={css.input} rows={4} {...rest} />
    </label>
  );
}

interface SelectProps<T extends string> {
  label: string;
  value: T;
  options: { value: T; label: string }[];
  onChange: (value: T) => void;
  /** Shows the label for screen readers alone. */
  isLabelHidden?: boolean;
}

/** The browser's own list of choices. */
export function Select<T extends string>({
  label,
  value,
  options,
  onChange,
  isLabelHidden = false,
}: SelectProps<T>) {
  return (
    <label className={css.field}>
      <span className={isLabelHidden ? "visually-hidden" : css.label}>{label}</span>
      <select
        className={`${css.input} ${css.select}`}
        value={value}
        onChange={(event) => onChange(event.target.value as T)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </label>
  );
}
