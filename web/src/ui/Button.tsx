import type { ComponentProps, ReactNode } from "react";
import css from "./Button.module.css";

type Look = "primary" | "plain" | "ghost" | "danger";

interface ButtonProps extends ComponentProps<"button"> {
  look?: Look;
  icon?: ReactNode;
}

/** A button with text. `icon` stands before it. */
export function Button({ look = "plain", icon, className, children, ...rest }: ButtonProps) {
  return (
    <button type="button" className={`${css.button} ${css[look]} ${className ?? ""}`} {...rest}>
      {icon}
      {children}
    </button>
  );
}

interface IconButtonProps extends Omit<ComponentProps<"button">, "aria-label" | "children"> {
  /** Its name, shown as a tooltip. */
  label: string;
  icon: ReactNode;
  look?: Look;
}

/** A square button that shows an icon alone. */
export function IconButton({ label, icon, look = "ghost", className, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      data-tip={label}
      className={`${css.button} ${css.square} ${css.tipped} ${css[look]} ${className ?? ""}`}
      {...rest}
    >
      {icon}
    </button>
  );
}
