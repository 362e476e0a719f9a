import { QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import "./ui/base.css";
import { makeQueryClient } from "./api/queries";
import { Guard } from "./app/Guard";
import { prefetch } from "./app/prefetch";
import { Shell } from "./app/Shell";
import { SessionGate } from "./session/SessionGate";
import { applyTheme, readTheme } from "./ui/theme";
import { Toasts } from "./ui/toasts";

applyTheme(readTheme());

const client = makeQueryClient();
prefetch(client);

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <QueryClientProvider client={client}>
      <Guard>
        <SessionGate>
          <Shell />
        </SessionGate>
      </Guard>
      <Toasts />
    </QueryClientProvider>,
  );
}
