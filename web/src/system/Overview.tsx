import { Loaded } from "../ui/Loaded";
import { Backends } from "./Backends";
import { Facts } from "./Facts";
import { Gpus } from "./Gpus";
import { Health } from "./Health";
import { Hour } from "./Hour";
import { Jobs } from "./Jobs";
import { useSystem } from "./queries";

/** The box at a glance. */
export function Overview() {
  const query = useSystem();
  return (
    <>
      <Health system={query.data} />
      <Loaded query={query} height="36rem">
        {(system) => (
          <>
            <Facts system={system} />
            <Jobs system={system} />
            <Hour />
            <Gpus system={system} />
            <Backends system={system} />
          </>
        )}
      </Loaded>
    </>
  );
}
