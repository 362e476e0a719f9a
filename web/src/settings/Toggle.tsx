import { Switch } from "@base-ui/react/switch";
import css from "./controls.module.css";

interface ToggleProps {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  isLabelHidden?: boolean;
  testId?: string;
}

/** Something that is on or off at once. */
export function Toggle({ label, checked, onChange, isLabelHidden, testId }: ToggleProps) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the switch is inside.
    <label className={css.choice}>
      <Switch.Root
        className={css.switch}
        checked={checked}
        onCheckedChange={onChange}
        data-testid={testId}
      >
        <Switch.Thumb className={css.thumb} />
      </Switch.Root>
      <span className={isLabelHidden ? "visually-hidden" : ""}>{label}</span>
    </label>
  );
}
