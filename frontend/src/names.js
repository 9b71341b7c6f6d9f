export const definedIn = () => null;
