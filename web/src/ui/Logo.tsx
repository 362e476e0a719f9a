import { text } from "../text";
import css from "./Logo.module.css";

/** The mark and the name of the product. */
export function Logo() {
  return (
    <span className={css.logo}>
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="8" fill="#4f46e5" />
        <path d="M8 23v-4h4v4zm6 0v-8h4v8zm6 0V9h4v14z" fill="#fff" />
      </svg>
      {text.common.product}
    </span>
  );
}
