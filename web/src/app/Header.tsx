import {
  CircleUserRound,
  Gauge,
  LibraryBig,
  LogOut,
  Palette,
  SlidersHorizontal,
} from "lucide-react";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { SIGNED_OUT } from "../api/client";
import { signOut, useMay, useSession } from "../session/session";
import { text } from "../text";
import { IconButton } from "../ui/Button";
import { Logo } from "../ui/Logo";
import { Menu } from "../ui/Menu";
import { applyTheme, readTheme, type Theme } from "../ui/theme";
import { tellError } from "../ui/toasts";
import { UploadButton } from "../upload/UploadButton";
import css from "./Header.module.css";

const THEMES: Theme[] = ["system", "light", "dark"];

/** The bar at the top: where to go, the upload button and the account. */
export function Header() {
  const [path] = useLocation();
  const mayRead = useMay("read");
  const mayUpload = useMay("upload");
  const links = [
    { to: "/", label: text.common.library, icon: <LibraryBig />, isCurrent: path === "/" },
    {
      to: "/system",
      label: text.common.system,
      icon: <Gauge />,
      isCurrent: path.startsWith("/system"),
    },
    {
      to: "/settings",
      label: text.common.settings,
      icon: <SlidersHorizontal />,
      isCurrent: path.startsWith("/settings"),
    },
  ];
  return (
    <header className={css.header}>
      <div className={css.inner}>
        <Link href="/" className={css.brand}>
          <Logo />
        </Link>
        {mayRead && (
          <nav className={css.nav} aria-label={text.common.mainMenu}>
            {links.map(({ to, label, icon, isCurrent }) => (
              <Link
                key={to}
                href={to}
                className={css.link}
                aria-current={isCurrent ? "page" : undefined}
              >
                {icon}
                <span>{label}</span>
              </Link>
            ))}
          </nav>
        )}
        <div className={css.end}>
          {mayUpload && <UploadButton />}
          <ThemeMenu />
          <Account />
        </div>
      </div>
    </header>
  );
}

function ThemeMenu() {
  const [theme, setTheme] = useState(readTheme);
  const items = THEMES.map((choice) => ({
    label: text.common.themes[choice],
    checked: theme === choice,
    onSelect: () => {
      applyTheme(choice);
      setTheme(choice);
    },
  }));
  return (
    <Menu trigger={<IconButton label={text.common.theme} icon={<Palette />} />} items={items} />
  );
}

function Account() {
  const session = useSession();
  if (session.by !== "session") return null;
  const leave = async () => {
    try {
      await signOut();
      dispatchEvent(new Event(SIGNED_OUT));
    } catch (reason) {
      tellError(text.session.signOut, reason);
    }
  };
  return (
    <span className={css.account} data-testid="account">
      <CircleUserRound aria-hidden="true" />
      <span className={css.name}>{session.name}</span>
      <IconButton
        label={text.session.signOut}
        icon={<LogOut />}
        onClick={leave}
        data-testid="sign-out"
      />
    </span>
  );
}
