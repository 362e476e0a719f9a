import { Toast } from "@base-ui/react/toast";
import { X } from "lucide-react";
import { useEffect } from "react";
import { text } from "../text";
import { Button, IconButton } from "./Button";
import { onListReady, type ToastData } from "./toasts";
import css from "./toasts.module.css";

const manager = Toast.createToastManager<ToastData>();

let tellMounted: () => void = () => undefined;

/** Resolves once the list is there: a toast that comes before is lost. */
export const mounted = new Promise<void>((resolve) => {
  tellMounted = resolve;
});

export default function ToastList() {
  // The provider inside has subscribed to the manager by then.
  useEffect(() => onListReady(manager), []);
  return (
    <Toast.Provider toastManager={manager} limit={4}>
      <Toast.Portal>
        <Toast.Viewport className={css.viewport} aria-label={text.common.notifications}>
          <List />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function List() {
  useEffect(() => tellMounted(), []);
  const { toasts } = Toast.useToastManager<ToastData>();
  return toasts.map((toast) => (
    <Toast.Root
      key={toast.id}
      toast={toast}
      // An urgent one is hidden from screen readers by Base UI, as it is read out elsewhere; but its buttons get focus.
      aria-hidden={false}
      className={`${css.toast} ${toast.data?.tone === "bad" ? css.bad : ""}`}
      data-testid="toast"
    >
      <Toast.Content className={css.content}>
        <div className={css.words}>
          <Toast.Title className={css.title} render={<p />} />
          <Toast.Description className={css.description} />
        </div>
        {toast.data?.action && (
          <Button
            onClick={() => {
              toast.data?.action?.onClick();
              manager.close(toast.id);
            }}
          >
            {toast.data.action.label}
          </Button>
        )}
        <Toast.Close
          aria-hidden={false}
          render={<IconButton label={text.common.close} icon={<X />} />}
        />
      </Toast.Content>
    </Toast.Root>
  ));
}
