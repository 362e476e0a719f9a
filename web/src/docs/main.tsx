import { createRoot } from "react-dom/client";
import { Reference } from "./Reference";
import "../ui/base.css";
import "./docs.css";

const root = document.getElementById("root");
if (root) createRoot(root).render(<Reference />);
