import { createRoot } from "react-dom/client";
import { applyTheme, readTheme } from "../ui/theme";
import { Reference } from "./Reference";
import "../ui/base.css";
import "./docs.css";

applyTheme(readTheme());

const root = document.getElementById("root");
if (root) createRoot(root).render(<Reference />);
