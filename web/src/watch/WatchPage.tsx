export default function WatchPage({ id }: { id: string }) {
  return <p>{id}</p>;
}
