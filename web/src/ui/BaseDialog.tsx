import { AlertDialog } from "@base-ui/react/alert-dialog";
import { Dialog as Base } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import { text } from "../text";
import { Button, IconButton } from "./Button";
import type { ConfirmProps, DialogProps } from "./Dialog";
import css from "./Dialog.module.css";

/** A modal window. Escape and a click beside it close it; the focus goes back to where it was. */
export function BaseDialog({
  open,
  onOpenChange,
  title,
  description,
  children,
  actions,
  isKept = false,
}: DialogProps) {
  return (
    <Base.Root open={open} onOpenChange={onOpenChange} disablePointerDismissal={isKept}>
      <Base.Portal>
        <Base.Backdrop className={css.backdrop} />
        <Base.Popup className={css.popup}>
          <header className={css.header}>
            <Base.Title className={css.title}>{title}</Base.Title>
            <Base.Close render={<IconButton label={text.common.close} icon={<X />} />} />
          </header>
          {description && (
            <Base.Description className={css.description}>{description}</Base.Description>
          )}
          {children}
          {actions && <footer className={css.actions}>{actions}</footer>}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

/** Asks before something that cannot be undone. */
export function BaseConfirm({
  open,
  onOpenChange,
  title,
  description,
  confirm,
  onConfirm,
}: ConfirmProps) {
  return (
    <AlertDialog.Root open={open} onOpenChange={onOpenChange}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={css.backdrop} />
        <AlertDialog.Popup className={css.popup}>
          <AlertDialog.Title className={css.title}>{title}</AlertDialog.Title>
          <AlertDialog.Description className={css.description}>
            {description}
          </AlertDialog.Description>
          <footer className={css.actions}>
            <AlertDialog.Close render={<Button>{text.common.cancel}</Button>} />
            <AlertDialog.Close
              render={
                <Button look="danger" onClick={onConfirm}>
                  {confirm}
                </Button>
              }
            />
          </footer>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
