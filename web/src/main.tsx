import { createRoot } from "react-dom/client";
import { Account } from "./Account";
import "./style.css";

const root = document.getElementById("root");
if (root) createRoot(root).render(<Account />);
