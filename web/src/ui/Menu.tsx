// Menus, dialogs and toasts are large, so each is loaded when it is first needed.

import { cloneElement, lazy, type ReactElement, type ReactNode, Suspense, useState } from "react";

const load = () => import("./BaseMenu");
const BaseMenu = lazy(load);

interface TriggerProps {
  "aria-haspopup"?: "menu";
  "aria-expanded"?: boolean;
  onClick?: () => void;
  onPointerEnter?: () => void;
}

export interface MenuItem {
  label: string;
  icon?: ReactNode;
  onSelect?: () => void;
  /** Makes it a link. */
  href?: string;
  /** Name under which a linked file is saved. */
  download?: string;
  disabled?: boolean;
  danger?: boolean;
  /** A choice among others: whether it is the current one. */
  checked?: boolean;
}

export interface MenuProps {
  /** The button that opens it. */
  trigger: ReactElement<TriggerProps>;
  /** `null` is a line between groups. */
  items: (MenuItem | null)[];
  align?: "start" | "end";
}

/** A menu of actions, with the keyboard manners of a native one. */
export function Menu(props: MenuProps) {
  const [wasOpened, setWasOpened] = useState(false);
  const trigger = cloneElement(props.trigger, {
    "aria-haspopup": "menu",
    "aria-expanded": false,
    onClick: () => setWasOpened(true),
    onPointerEnter: () => void load(),
  });
  if (!wasOpened) return trigger;
  return (
    <Suspense fallback={trigger}>
      <BaseMenu {...props} />
    </Suspense>
  );
}
