import css from "./Progress.module.css";

interface ProgressProps {
  /** Name for screen readers, such as "Upload of film.mp4". */
  label: string;
  /** 0 to 1; `null` while it is not known. */
  share: number | null;
  look?: "accent" | "good" | "bad";
}

/** A bar without text. */
export function Progress({ label, share, look = "accent" }: ProgressProps) {
  const value = share === null ? {} : { "aria-valuenow": Math.floor(share * 100) };
  return (
    <div
      className={`${css.track} ${css[look]} ${share === null ? css.unknown : ""}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      {...value}
    >
      <div className={css.bar} style={{ transform: `scaleX(${share ?? 1})` }} />
    </div>
  );
}
