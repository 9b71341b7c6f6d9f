export const showPage = (root, data) => root.append(data["text/plain"]);
