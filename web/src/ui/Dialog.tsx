import { lazy, type ReactNode, Suspense, useEffect, useState } from "react";

const load = () => import("./BaseDialog");
const BaseDialog = lazy(() => load().then((module) => ({ default: module.BaseDialog })));
const BaseConfirm = lazy(() => load().then((module) => ({ default: module.BaseConfirm })));

export interface DialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: string;
  children?: ReactNode;
  /** Buttons at the bottom. */
  actions?: ReactNode;
  /** Keeps it open when somebody clicks beside it, as what it shows is not shown again. */
  isKept?: boolean;
}

export interface ConfirmProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description: string;
  /** Text of the button that does it. */
  confirm: string;
  onConfirm: () => void;
}

/** A modal window. Escape and a click beside it close it; the focus goes back to where it was. */
export function Dialog(props: DialogProps) {
  return useWasOpen(props.open) ? (
    <Suspense fallback={null}>
      <BaseDialog {...props} />
    </Suspense>
  ) : null;
}

/** Asks before something that cannot be undone. */
export function Confirm(props: ConfirmProps) {
  return useWasOpen(props.open) ? (
    <Suspense fallback={null}>
      <BaseConfirm {...props} />
    </Suspense>
  ) : null;
}

// It stays once it was open, so that it can fade out.
function useWasOpen(open: boolean): boolean {
  const [wasOpen, setWasOpen] = useState(open);
  useEffect(() => {
    if (open) setWasOpen(true);
  }, [open]);
  return wasOpen || open;
}
