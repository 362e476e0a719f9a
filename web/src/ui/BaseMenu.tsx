import { Menu as Base } from "@base-ui/react/menu";
import type { MenuItem, MenuProps } from "./Menu";
import css from "./Menu.module.css";

/** The menu itself, which is open from the start. */
export default function BaseMenu({ trigger, items, align = "end" }: MenuProps) {
  return (
    <Base.Root defaultOpen>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner sideOffset={6} align={align} className={css.positioner}>
          <Base.Popup className={css.popup}>
            {items.map((item, index) =>
              item ? (
                <Item key={item.label} {...item} />
              ) : (
                // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity.
                <Base.Separator key={index} className={css.line} />
              ),
            )}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

function Item({ label, icon, onSelect, href, download, disabled, danger, checked }: MenuItem) {
  const className = `${css.item} ${danger ? css.danger : ""}`;
  const content = (
    <>
      <span className={css.icon}>{icon}</span>
      {label}
    </>
  );
  if (checked !== undefined) {
    return (
      <Base.CheckboxItem className={className} checked={checked} onClick={onSelect} closeOnClick>
        {content}
        <Base.CheckboxItemIndicator className={css.check}>✓</Base.CheckboxItemIndicator>
      </Base.CheckboxItem>
    );
  }
  return (
    <Base.Item
      className={className}
      disabled={disabled ?? false}
      onClick={onSelect}
      {...(href
        ? {
            render: (
              <a href={href} download={download}>
                {content}
              </a>
            ),
          }
        : {})}
    >
      {content}
    </Base.Item>
  );
}
